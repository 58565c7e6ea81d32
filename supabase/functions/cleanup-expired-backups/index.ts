// All of the function is in function.mjs, which ./script/build-functions makes of apps/functions and the packages.
import './function.mjs';
