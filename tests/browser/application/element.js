import 'normlab/element';
