// The daemon's log: `event key=value …`, one line a state change, on standard error. Under journald each line carries
// its priority in front (sd-daemon(3)); elsewhere the time and the level. A reader that hangs costs lines, never time.
#pragma once

#include <cstdint>
#include <string_view>

namespace wgbfd {

enum class Level : std::uint8_t { error, warning, notice, info };

class Log {
public:
    Log();
    void write(Level level, std::string_view line) const;

private:
    bool journald_;
    mutable std::uint64_t lost_ = 0;  // lines since the last one that found room
};

}  // namespace wgbfd
