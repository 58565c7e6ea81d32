import { executeScheduled } from './execute-scheduled.ts';
import { serveFunction } from './main.ts';

serveFunction(executeScheduled);
