import * as Comlink from 'comlink';
import { hub } from './serve';

Comlink.expose(hub);
