// A plugin of Serverless Devs, which s.yaml runs before it deploys a function: it publishes the
// layer, unless the latest version has the same content, and gives that version to the function.
const { spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

module.exports = async (inputs, { component, name, zip, runtime }) => {
  const file = path.resolve(path.dirname(inputs.yaml.path), zip);
  if (!fs.existsSync(file)) throw new Error(`There is no ${file}. Run "make layers" first.`);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'layer-'));
  try {
    const output = path.join(folder, 'layer.json');
    // This very s, whichever is on the PATH. What it prints masks the account; the file does not.
    const ended = spawnSync(process.execPath, [
      process.argv[1], 'cli', component, 'layer', 'publish', '--layer-name', name, '--code', file,
      '--compatible-runtime', runtime, '--region', inputs.props.region,
      '--access', inputs.resource.access, '-o', 'json', '--output-file', output,
    ], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    if (ended.status !== 0 || !fs.existsSync(output)) {
      const said = ended.error ? ended.error.message : `${ended.stdout}${ended.stderr}`.trim();
      throw new Error(`The layer was not published. s said:\n${said}`);
    }
    const { layerVersionArn } = JSON.parse(fs.readFileSync(output, 'utf8'));
    if (!layerVersionArn) throw new Error(`s named no layerVersionArn in ${output}.`);
    return { ...inputs, props: { ...inputs.props, layers: [layerVersionArn] } };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
};
