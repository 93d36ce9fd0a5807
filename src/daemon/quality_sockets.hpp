// Opens the sockets that measure paths and hands them to the probe thread. Measuring is worth less than liveness: what
// cannot be opened is a problem told in status, is tried again, and keeps nobody from probing.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "probe/command.hpp"

namespace wgbfd {

class QualitySockets {
public:
    using Post = std::function<void(const probe::Command&)>;

    // `identifier`: of the ICMP echo requests. `seed` spreads source ports.
    QualitySockets(Post post, std::uint16_t identifier, std::uint32_t seed)
        : post_{std::move(post)}, identifier_{identifier}, seed_{seed} {}

    void open();  // those that are not open yet
    const std::vector<std::string>& problems() const { return problems_; }

private:
    static constexpr std::array uses{probe::Use::stamp_requests, probe::Use::stamp_answers, probe::Use::echo_answers};
    void open(probe::Use use, base::Family family);

    Post post_;
    std::uint16_t identifier_;
    std::uint32_t seed_;
    std::array<std::array<bool, 2>, uses.size()> is_open_{};
    std::vector<std::string> problems_;
};

}  // namespace wgbfd
