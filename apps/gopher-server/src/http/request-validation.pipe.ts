import { type ArgumentMetadata, Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { InvalidRequestError, type RequestIssue } from './invalid-request.error.js';

const MAX_ISSUES = 20;

/** Validates by the schema of the parameter, and answers with every field that is wrong. */
@Injectable()
export class RequestValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({
      exceptionFactory: (issues) =>
        new InvalidRequestError(
          issues.slice(0, MAX_ISSUES).map(({ path, message }): RequestIssue => ({
            path: (path ?? [])
              .map((segment) => String(typeof segment === 'object' ? segment.key : segment))
              .join('.'),
            message,
          })),
        ),
    });
  }

  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    try {
      return await super.transform(value, metadata);
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      const named = error.issues.map(({ path, message }) => ({
        // What is wrong with all of it has no path of its own.
        path: [metadata.data, path].filter(Boolean).join('.') || metadata.type,
        message,
      }));
      throw new InvalidRequestError(named);
    }
  }
}
