// RUN_DIR: the lock that makes one daemon the owner, and the files a successor reads.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "base/unique_fd.hpp"
#include "control/were_up.hpp"

namespace wgbfd {

class RunDir {
public:
    explicit RunDir(std::filesystem::path path) : path_{std::move(path)} {}

    // Makes the directory (0755) when missing. Throws std::system_error.
    void create() const;
    // The lock, or nothing when another daemon holds it. Throws std::system_error.
    std::optional<base::UniqueFd> try_lock() const;

    std::filesystem::path control_socket() const { return path_ / "control.sock"; }
    std::filesystem::path undo_log() const { return path_ / "undo"; }

    // Adjacencies that were up, for the next start.
    control::WereUp read_were_up() const;
    void write_were_up(const control::WereUp& all) const;  // atomically; throws std::system_error

    // Adjacencies that an operator drained: a restart of ours does not bring them back.
    std::set<std::string> read_drained() const;
    void write_drained(const std::set<std::string>& names) const;  // atomically; throws std::system_error

    const std::filesystem::path& path() const { return path_; }

private:
    std::set<std::string> read_lines(const char* file) const;
    void write_lines(const char* file, const std::set<std::string>& lines) const;

    std::filesystem::path path_;
};

}  // namespace wgbfd
