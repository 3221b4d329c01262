import { DataSource } from 'typeorm';
import { ServerConfig } from './apps/gopher-server/dist/config/server.config.js';
import { dataSourceOptions } from './apps/gopher-server/dist/database/data-source.options.js';

const { databaseUrl } = ServerConfig.parse(process.env);
if (!databaseUrl) throw new Error('The TypeORM CLI needs DATABASE_URL');

/** For the TypeORM CLI only; the server builds its DataSource from the same options. */
export default new DataSource(dataSourceOptions(databaseUrl));
