// Loaded into each Node process of the test (NODE_OPTIONS): every connection goes to the control
// plane on loopback, whatever host the program asked for, so that nothing leaves the machine.
const net = require('net');

const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...given) {
  const normalized = Array.isArray(given[0]) ? given[0] : net._normalizeArgs(given);
  const [options] = normalized;
  if (!options.path && !['127.0.0.1', 'localhost', '::1'].includes(options.host)) {
    options.host = '127.0.0.1';
    options.port = Number(process.env.CONTROL_PLANE_PORT);
  }
  return connect.call(this, normalized);
};
