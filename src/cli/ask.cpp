// The subcommands that ask a running daemon, and `check`.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "config/reader.hpp"
#include "daemon/load_config.hpp"
#include "view/advice.hpp"
#include "view/events.hpp"
#include "view/status.hpp"

namespace cli {
namespace {

namespace po = boost::program_options;

int show_status(const Options& options) {
    const auto name = options.text("name");
    auto status = ask(options.run_dir(), {{"command", "status"}});
    if (name) {
        auto& all = status["adjacencies"];
        nlohmann::json kept = nlohmann::json::array();
        for (auto& adjacency : all)
            if (adjacency["name"] == *name) kept.push_back(std::move(adjacency));
        if (kept.empty()) throw std::runtime_error{"no adjacency \"" + *name + "\": 'wgbfd status' lists all"};
        all = std::move(kept);
    }
    if (options.has("json"))
        std::cout << status.dump(2) << std::endl;
    else
        std::cout << view::status_text(status, name) << std::flush;
    return view::exit_status(status, name);
}

}  // namespace

int status(const Arguments& arguments) {
    Options options{"status", "wgbfd status [NAME]: every adjacency with its verdict; NAME: all about one."};
    options.add()("json", "as JSON")("watch,w", "again every second, until interrupted")(
        "name", po::value<std::string>()->value_name("NAME"), "the adjacency");
    options.positional("name", 1);
    if (!options.parse(arguments)) return ok;
    if (!options.has("watch")) return show_status(options);
    for (;;) {
        if (::isatty(STDOUT_FILENO) != 0) std::cout << "\033[H\033[2J";
        show_status(options);
        std::this_thread::sleep_for(std::chrono::seconds{1});
    }
}

namespace {

// One that takes a NAME; nothing: --help was answered.
std::optional<std::string> named(Options& options, const std::string& command, const Arguments& arguments) {
    options.add()("name", po::value<std::string>()->value_name("NAME"), "the adjacency");
    options.positional("name", 1);
    if (!options.parse(arguments)) return std::nullopt;
    if (!options.text("name") && !options.has("causes")) throw UsageError{command + ": no NAME given"};
    return options.text("name").value_or("");
}

int tell(const char* command, const char* summary, const Arguments& arguments) {
    Options options{command, summary};
    const auto name = named(options, command, arguments);
    if (!name) return ok;
    const auto warning = ask(options.run_dir(), {{"command", command}, {"name", *name}});
    if (warning.is_string() && warning != "") std::cerr << "wgbfd: " << warning.get<std::string>() << '\n';
    return ok;
}

}  // namespace

int explain(const Arguments& arguments) {
    Options options{"explain", "wgbfd explain NAME: the evidence behind a verdict, in sentences."};
    options.add()("causes", "what each cause means, and what to look at");
    const auto name = named(options, "explain", arguments);
    if (!name) return ok;
    if (options.has("causes"))
        std::cout << view::cause_table();
    else
        for (const auto& line : ask(options.run_dir(), {{"command", "explain"}, {"name", *name}}))
            std::cout << line.get<std::string>() << '\n';
    return ok;
}

int drain(const Arguments& arguments) {
    return tell("drain",
                "wgbfd drain NAME: raises the path's cost at once; 5 s later its session says AdminDown. Lasts until "
                "`wgbfd undrain NAME`, over restarts too.",
                arguments);
}

int undrain(const Arguments& arguments) {
    return tell("undrain", "wgbfd undrain NAME: takes a drained path back.", arguments);
}

int evidence(const Arguments& arguments) {
    Options options{
        "evidence",
        "wgbfd evidence NAME up|degraded|down: what a check of yours says of a path, until the ttl is over; "
        "say it again before. \"up\" ends what was said before."};
    options.add()("ttl", po::value<std::string>()->value_name("TIME")->default_value("30s"),
                  "how long it holds: \"30s\", 86400s at most")(
        "reason", po::value<std::string>()->value_name("TEXT")->default_value(""), "why, for `wgbfd explain`")(
        "name", po::value<std::string>()->value_name("NAME"), "the adjacency")(
        "state", po::value<std::string>()->value_name("STATE"), "up, degraded or down");
    options.positional("name", 1);
    options.positional("state", 1);
    if (!options.parse(arguments)) return ok;
    if (!options.text("name") || !options.text("state")) throw UsageError{"evidence: NAME and a state are needed"};
    const auto ttl = config::parse_duration(*options.text("ttl"));
    if (!ttl) throw UsageError{"evidence: --ttl must be a time such as \"30s\", not \"" + *options.text("ttl") + "\""};
    ask(options.run_dir(), {{"command", "evidence"},
                            {"name", *options.text("name")},
                            {"state", *options.text("state")},
                            {"ttl_ms", std::chrono::duration_cast<std::chrono::milliseconds>(*ttl).count()},
                            {"reason", *options.text("reason")}});
    return ok;
}

int events(const Arguments& arguments) {
    Options options{"events", "wgbfd events: what happened, the last 1,000 events."};
    options.add()("json", "one JSON object a line")("follow,f", "go on with what happens next");
    if (!options.parse(arguments)) return ok;
    const auto print = [&](const nlohmann::json& event) {
        std::cout << (options.has("json") ? event.dump() : view::event_text(event)) << std::endl;
        return static_cast<bool>(std::cout);
    };
    if (options.has("follow")) {
        follow(options.run_dir(), print);
        throw std::runtime_error{"the daemon has ended"};
    }
    for (const auto& event : ask(options.run_dir(), {{"command", "events"}})) print(event);
    return ok;
}

int check(const Arguments& arguments) {
    Options options{"check", "wgbfd check [FILE]: says whether a configuration is good, without touching anything."};
    options.add()("file", po::value<std::string>()->value_name("FILE"), "the configuration to check");
    options.positional("file", 1);
    if (!options.parse(arguments)) return ok;
    const auto file =
        options.text("file") ? std::optional<std::filesystem::path>{*options.text("file")} : options.config();
    if (!file) throw UsageError{std::string{"check: no FILE given and no "} + default_config};
    wgbfd::load_config(*file);
    std::cout << file->string() << ": ok\n";
    return ok;
}

int reload(const Arguments& arguments) {
    Options options{"reload", "wgbfd reload: reads the configuration again; one with errors changes nothing."};
    if (!options.parse(arguments)) return ok;
    ask(options.run_dir(), {{"command", "reload"}});
    return ok;
}

}  // namespace cli
