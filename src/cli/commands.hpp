// The subcommands. Each takes its own arguments and returns the exit status: 0 ok, 1 failed, 2 usage, 3 not all
// adjacencies up (status).
#pragma once

#include <string>
#include <vector>

namespace cli {

using Arguments = std::vector<std::string>;

int run(const Arguments& arguments);
int status(const Arguments& arguments);
int events(const Arguments& arguments);
int check(const Arguments& arguments);
int restart(const Arguments& arguments);
int reload(const Arguments& arguments);
int explain(const Arguments& arguments);
int drain(const Arguments& arguments);
int undrain(const Arguments& arguments);
int evidence(const Arguments& arguments);
int undo(const Arguments& arguments);
int doctor(const Arguments& arguments);
int init(const Arguments& arguments);
int snippets(const Arguments& arguments);
int bench(const Arguments& arguments);

}  // namespace cli
