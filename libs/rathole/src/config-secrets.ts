/** As the renderer writes them: one `key = "JSON string"` a line. */
const SECRET = /^(?:token|remote_public_key|local_private_key) = ("(?:[^"\\]|\\.)*")$/gm;

/** The values of tokens and keys in a configuration that Gopher wrote. */
export function configSecrets(toml: string): string[] {
  return [...toml.matchAll(SECRET)].map(([, quoted]) => JSON.parse(quoted!) as string);
}
