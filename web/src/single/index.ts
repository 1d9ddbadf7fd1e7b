import { workHere } from '../element/worker';
import { receiveFiles } from './files';

// One script is the page's and its workers'.
if (workHere()) receiveFiles();
else import('../app/main');
