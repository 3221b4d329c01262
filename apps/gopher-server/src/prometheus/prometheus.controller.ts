import { Controller, Get, Header, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { Public } from '../http/public.decorator.js';
import { MetricsTokenGuard } from './metrics-token.guard.js';
import { Scrape } from './scrape.js';

/** For Prometheus. Open to the token of its own, where that of the API opens nothing. */
@Public()
@UseGuards(MetricsTokenGuard)
@ApiExcludeController()
@Controller('metrics')
export class PrometheusController {
  constructor(private readonly scrape: Scrape) {}

  @Get()
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('cache-control', 'no-store')
  metrics(): Promise<string> {
    return this.scrape.text();
  }
}
