import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { AppModule, type Runtime } from '../app.module.js';
import { openApiDocument } from './open-api.js';
import { answerUnreadable, answerUnrouted } from './unrouted-problem.js';

const MAX_BODY_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

/** The HTTP application, not listening yet. */
export async function createHttpApp(runtime: Runtime): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: answerUnrouted,
    clientErrorHandler: answerUnreadable,
    // A stream of events must not keep the server from ending.
    forceCloseConnections: true,
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(runtime), adapter, {
    // Until `serve` gives it its own logger; Nest's list of every route helps nobody.
    logger: ['warn', 'error'],
    abortOnError: false,
    // Fastify's own parser, for JSON alone: Nest's would take forms as well.
    bodyParser: false,
  });
  const fastify = adapter.getInstance();
  fastify.removeContentTypeParser('text/plain');
  // Many clients name a content type on every call, also where there is no content.
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { headers, method } = request;
    const isEmpty = !headers['transfer-encoding'] && Number(headers['content-length'] ?? 0) === 0;
    if (method === 'DELETE' && isEmpty) delete headers['content-type'];
    done();
  });
  app.setGlobalPrefix('api/v1', { exclude: ['healthz', 'metrics', 'readyz'] });
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Gopher API',
    swaggerOptions: { persistAuthorization: true },
  });
  return app;
}
