#include "daemon/quality_sockets.hpp"

#include <cerrno>
#include <cstring>

#include "net/quality_socket.hpp"

namespace wgbfd {
namespace {

constexpr std::array families{base::Family::v4, base::Family::v6};

std::string explain(probe::Use use, const net::BindFailure& failure) {
    auto text = "quality: " + failure.what + ": " + std::strerror(failure.error);
    if (use == probe::Use::stamp_requests)
        text += failure.error == EADDRINUSE
                    ? "; another STAMP or TWAMP reflector holds the port: peers measure this side against it"
                    : "; peers cannot measure by STAMP against this side";
    if (use == probe::Use::echo_answers) text += "; no measuring by ICMP echo";
    if (failure.error == EACCES || failure.error == EPERM)
        text += "; needs CAP_NET_BIND_SERVICE and CAP_NET_RAW: run wgbfd as root";
    return text;
}

bool is_missing_family(const net::BindFailure& failure) {
    return failure.error == EAFNOSUPPORT || failure.error == EADDRNOTAVAIL;
}

}  // namespace

void QualitySockets::open() {
    problems_.clear();
    for (const auto use : uses)
        for (const auto family : families) open(use, family);
}

void QualitySockets::open(probe::Use use, base::Family family) {
    auto& is_open = is_open_[static_cast<std::size_t>(use) - 1][family == base::Family::v4 ? 0 : 1];
    if (is_open) return;
    auto fd = use == probe::Use::stamp_requests  ? net::bind_reflector(family)
              : use == probe::Use::stamp_answers ? net::bind_prober(family, seed_)
                                                 : net::open_echo(family, identifier_);
    if (fd) {
        is_open = true;
        post_(probe::Listen{.fd = fd->release(), .use = use, .family = family});
    } else if (!is_missing_family(fd.error())) {
        problems_.push_back(explain(use, fd.error()));
    }
}

}  // namespace wgbfd
