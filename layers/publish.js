// A plugin of Serverless Devs, which s.yaml runs before it deploys a function: it publishes the
// layer, unless the latest version is the very same, and gives that version to the function.
const { execFileSync } = require('child_process');
const { existsSync } = require('fs');
const path = require('path');

const ARN = /acs:fc:[\w-]+:\d+:layers\/[\w-]+\/versions\/\d+/;

module.exports = async (inputs, { name, zip, runtime }) => {
  const file = path.resolve(path.dirname(inputs.yaml.path), zip);
  if (!existsSync(file)) throw new Error(`There is no ${file}: run make layers first.`);
  const printed = execFileSync('s', [
    'cli', 'fc3', 'layer', 'publish', '--layer-name', name, '--code', file,
    '--compatible-runtime', runtime, '--region', inputs.props.region,
    '--access', inputs.resource.access,
  ], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const published = printed.match(ARN);
  if (!published) throw new Error(`The layer was not published: ${printed}`);
  return { ...inputs, props: { ...inputs.props, layers: [published[0]] } };
};
