// What every subcommand understands: --config, --run-dir, --help, --version; and how they fail.
#pragma once

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/variables_map.hpp>

#include "daemon/run_dir.hpp"

namespace cli {

inline constexpr int ok = 0, failed = 1, usage = 2, not_all_up = 3;  // exit statuses

inline constexpr const char* default_config = "/etc/wgbfd/wgbfd.toml";
inline constexpr const char* default_run_dir = "/run/wgbfd";

struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Options {
public:
    // `summary` is the line --help opens with: "wgbfd status [NAME]: …".
    Options(std::string command, std::string summary);

    boost::program_options::options_description_easy_init add() { return own_.add_options(); }
    void positional(const char* name, int count) { positional_.add(name, count); }
    void hidden(const char* name) { hidden_.insert(hidden_.end(), name); }

    // False: --help or --version was asked for and answered; then return ok. Throws UsageError.
    bool parse(const std::vector<std::string>& arguments);

    bool has(const char* name) const { return values_.count(name) != 0; }
    template <class T>
    T value(const char* name) const {
        return values_[name].as<T>();
    }
    std::optional<std::string> text(const char* name) const;

    // The file to read: the one given, or the default one when it exists. Throws std::runtime_error when a given one
    // does not exist.
    std::optional<std::filesystem::path> config() const;
    wgbfd::RunDir run_dir() const { return wgbfd::RunDir{value<std::string>("run-dir")}; }

private:
    std::string command_, summary_;
    boost::program_options::options_description own_, common_;
    boost::program_options::positional_options_description positional_;
    std::vector<std::string> hidden_;
    boost::program_options::variables_map values_;
};

std::string version_text();

}  // namespace cli
