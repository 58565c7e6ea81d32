import { cleanupExpired } from './cleanup-expired.ts';
import { serveFunction } from './main.ts';

serveFunction(cleanupExpired);
