/** All suites in one file: one demo, the browsers one after another, and the restart of the demo last. */
import { afterAll } from 'vitest';
import { browser } from './browser';
import './desk';
import './fan';
import './angles';
import './elsewhere';
import './access';
import './firefox';
import './restart';

afterAll(async () => (await browser()).close());
