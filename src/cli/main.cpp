// The program: one name, several subcommands. Errors on standard error, with the fix.
#include <array>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace {

struct Command {
    std::string_view name;
    int (*main)(const cli::Arguments&);
    std::string_view summary;
};

constexpr std::array commands{
    Command{"run", cli::run, "the daemon"},
    Command{"status", cli::status, "every adjacency with its verdict"},
    Command{"events", cli::events, "what happened"},
    Command{"doctor", cli::doctor, "checks this host and says how to mend it"},
    Command{"init", cli::init, "prints a configuration for this host"},
    Command{"snippets", cli::snippets, "prints FRR's or BIRD's side of it"},
    Command{"check", cli::check, "checks a configuration file"},
    Command{"explain", cli::explain, "tells the evidence behind a verdict"},
    Command{"drain", cli::drain, "takes a path out for maintenance, without loss"},
    Command{"undrain", cli::undrain, "takes it back"},
    Command{"evidence", cli::evidence, "lets a check of yours weigh in on a verdict"},
    Command{"reload", cli::reload, "makes the daemon read its configuration again"},
    Command{"restart", cli::restart, "another worker takes over, also of another version; nobody notices"},
    Command{"undo", cli::undo, "puts back what a dead daemon left changed"},
    Command{"bench", cli::bench, "how many sessions this host holds"},
};

void help(std::ostream& out) {
    out << "wgbfd gives each WireGuard peer a BFD session and feeds the verdict to routing.\n\n"
           "usage: wgbfd COMMAND [OPTIONS]\n\n";
    for (const auto& command : commands)
        out << "  " << command.name << std::string(10 - command.name.size(), ' ') << command.summary << '\n';
    out << "\n'wgbfd COMMAND --help' tells a command's options.\n";
}

int dispatch(const std::vector<std::string>& words) {
    if (words.empty()) throw cli::UsageError{"a command is missing; see 'wgbfd --help'"};
    if (words[0] == "--help" || words[0] == "-h") {
        help(std::cout);
        return cli::ok;
    }
    if (words[0] == "--version") {
        std::cout << "wgbfd " << cli::version_text() << '\n';
        return cli::ok;
    }
    for (const auto& command : commands)
        if (command.name == words[0]) return command.main({words.begin() + 1, words.end()});
    throw cli::UsageError{"no command \"" + words[0] + "\"; see 'wgbfd --help'"};
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return dispatch({argv + 1, argv + argc});
    } catch (const cli::UsageError& error) {
        std::cerr << "wgbfd: " << error.what() << '\n';
        return cli::usage;
    } catch (const std::exception& error) {
        std::cerr << "wgbfd: " << error.what() << '\n';
        return cli::failed;
    }
}
