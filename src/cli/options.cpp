#include "cli/options.hpp"

#include <iostream>

#include <boost/program_options/errors.hpp>
#include <boost/program_options/parsers.hpp>

#ifndef WGBFD_VERSION
#define WGBFD_VERSION "0"
#endif

namespace cli {

namespace po = boost::program_options;

std::string version_text() { return WGBFD_VERSION; }

Options::Options(std::string command, std::string summary)
    : command_{std::move(command)}, summary_{std::move(summary)}, own_{"Options"}, common_{"Common options"} {
    common_.add_options()("config", po::value<std::string>()->value_name("FILE"),
                          (std::string{"configuration (default "} + default_config + ")").c_str())(
        "run-dir", po::value<std::string>()->value_name("DIR")->default_value(default_run_dir),
        "control socket, lock and undo records of the daemon")("help,h", "show this help")("version",
                                                                                           "show the version");
}

bool Options::parse(const std::vector<std::string>& arguments) {
    po::options_description all;
    all.add(own_).add(common_);
    for (const auto& name : hidden_) all.add_options()(name.c_str(), po::value<std::string>());
    try {
        po::store(po::command_line_parser{arguments}
                      .options(all)
                      .positional(positional_)
                      .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                      .run(),
                  values_);
        po::notify(values_);
    } catch (const po::error& error) {
        throw UsageError{command_ + ": " + error.what() + "; see 'wgbfd " + command_ + " --help'"};
    }
    if (has("version")) {
        std::cout << "wgbfd " << version_text() << '\n';
        return false;
    }
    if (!has("help")) return true;
    std::cout << summary_ << "\n\n";
    if (!own_.options().empty()) std::cout << own_ << '\n';
    std::cout << common_;
    return false;
}

std::optional<std::string> Options::text(const char* name) const {
    return has(name) ? std::optional{value<std::string>(name)} : std::nullopt;
}

std::optional<std::filesystem::path> Options::config() const {
    std::error_code error;
    if (const auto given = text("config")) {
        if (!std::filesystem::exists(*given, error))
            throw std::runtime_error{*given + ": no such file; without --config the defaults hold"};
        return std::filesystem::path{*given};
    }
    if (std::filesystem::exists(default_config, error)) return std::filesystem::path{default_config};
    return std::nullopt;
}

}  // namespace cli
