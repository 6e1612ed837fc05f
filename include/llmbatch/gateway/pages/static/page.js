// The script of every page. What a page does is in its attributes:
//   data-poll=URL      replace the content with the fragment at URL, every data-every seconds
//                      with data-when="open" only from when its <details> is opened
//   data-figures=URL   draw the figures at URL into the elements with data-figure=NAME inside;
//                      with data-static, one does not react to a pointer
//   data-post=URL      a button: ask once, post data-body, say what happened; with data-open=URL link the job of the answer
//   data-filter=ID     a form whose fields are the query of the element ID and of this page
import { startActions } from "./actions.js";
import { startFigures } from "./figures.js";
import { startFilters } from "./filters.js";
import { startFrame } from "./frame.js";
import { startFragments } from "./fragments.js";

startFrame();
startFilters();
startFragments();
startFigures();
startActions();
