// What the kernel does with IPv4 packets that come in by an interface while the way back leads elsewhere: rp_filter, as
// last read. Files are read, a few at a time, so that thousands of interfaces hold nobody up.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "control/host.hpp"

namespace wgbfd {

class RpFilters {
public:
    static constexpr std::size_t at_once = 4;  // the other threads of one processor wait for no more

    explicit RpFilters(std::filesystem::path folder = "/proc/sys/net/ipv4/conf") : folder_{std::move(folder)} {}

    // Reads `all`, and the next few of these, in turn; the others are forgotten. True when something is other than
    // before.
    bool look(const std::set<std::string_view>& interfaces);
    bool is_strict(const std::string& interface);  // after a look; its own is read now, when it never was
    const control::ReversePaths& reverse_paths() const { return reverse_paths_; }

private:
    std::optional<int> read(const std::string& name) const;  // none: there is no such interface
    bool judge();

    std::filesystem::path folder_;
    int all_ = 0;
    std::map<std::string, int> own_;
    std::string last_;  // that was read
    control::ReversePaths reverse_paths_;
};

}  // namespace wgbfd
