// Echo requests to one address through one interface, by calls that wait: for children alone.
#pragma once

#include <cstdint>
#include <string>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "base/unique_fd.hpp"

namespace wireguard {

class EchoSocket {
public:
    EchoSocket(const std::string& interface, const base::IpAddress& remote);  // throws std::system_error
    void send();
    bool receive(base::Duration within);  // the answer to the last one sent

private:
    base::IpAddress remote_;
    base::UniqueFd fd_;
    std::uint16_t identifier_;
    std::uint16_t sequence_ = 0;
};

}  // namespace wireguard
