export { hostPortPattern, parseHostPort, type HostPort } from './address.js';
export { configSha256 } from './config-sha256.js';
export * from './config.js';
export * from './config.errors.js';
export { LIMITS, SERVICE_NAME } from './config.schema.js';
export { assertHeartbeatsFit } from './heartbeat.js';
export { generateNoiseKeyPair, type NoiseKeyPair } from './noise.js';
export { configSecrets } from './config-secrets.js';
export { parseClient, parseServer } from './parse.js';
export { renderClient, renderServer } from './render.js';
export {
  parseRatholeLogLine,
  RATHOLE_LOG_LEVELS,
  type RatholeLogLevel,
  type RatholeLogLine,
  type RatholeLogHeader,
  splitRatholeLogLine,
} from './log.js';
export { ServiceTracker } from './service-tracker.js';
export { CHANNEL_STATES, type ChannelState, type TrackedService } from './tracked-channel.js';
