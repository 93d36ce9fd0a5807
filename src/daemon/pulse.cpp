#include "daemon/pulse.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "base/unique_fd.hpp"

namespace wgbfd {
namespace {

// What follows `name` at the beginning of a line, without the blanks before it.
std::optional<std::string_view> field(std::string_view status, std::string_view name) {
    const auto at = status.starts_with(name) ? 0 : status.find("\n" + std::string{name});
    if (at == std::string_view::npos) return std::nullopt;
    status.remove_prefix(at + name.size() + (at == 0 ? 0 : 1));
    status.remove_prefix(std::min(status.find_first_not_of(" \t"), status.size()));
    return status;
}

std::optional<std::uint64_t> number(std::optional<std::string_view> text) {
    std::uint64_t out = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), out).ec != std::errc{}) return std::nullopt;
    return out;
}

}  // namespace

std::optional<Beat> parse_beat(std::string_view status) {
    const auto state = field(status, "State:");
    const auto own = number(field(status, "voluntary_ctxt_switches:"));
    const auto others = number(field(status, "nonvoluntary_ctxt_switches:"));
    if (!state || state->empty() || !own || !others) return std::nullopt;
    return Beat{.state = state->front(), .switches = *own + *others};
}

std::optional<Beat> beat_of(pid_t pid) {
    const auto path = "/proc/" + std::to_string(pid) + "/status";
    const base::UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::array<char, 4096> text{};
    const auto n = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
    return n > 0 ? parse_beat({text.data(), static_cast<std::size_t>(n)}) : std::nullopt;
}

bool Pulse::hangs(base::TimePoint now, std::optional<Beat> beat) {
    const bool late = !looked_ || now - *looked_ > interval + late_from;
    const bool sleeps_on = beat && beat->state == 'S' && beat == std::exchange(before_, beat);
    looked_ = now;
    if (late || !sleeps_on) asleep_since_ = now;
    return now - asleep_since_ >= hangs_after;
}

}  // namespace wgbfd
