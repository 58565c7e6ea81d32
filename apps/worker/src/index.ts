export { createLogger, type Logger } from './logger.ts';
export { type RunningWorker, startWorker, type WorkerOptions } from './start-worker.ts';
export type { WorkerPace } from './worker-pace.ts';
