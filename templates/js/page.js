// Pages beside the desk.

import { theme } from "./theme.js";

theme();
