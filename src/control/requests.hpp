// Who asks for which session: wishes by key, and what they merge to.
#pragma once
