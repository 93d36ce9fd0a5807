#include "net/listeners.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace net {

namespace {

constexpr std::uint64_t waker = UINT64_MAX;

}  // namespace

Listeners::Listeners(int wake_fd) : epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
    if (!epoll_) throw std::system_error{errno, std::generic_category(), "epoll_create1"};
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = waker}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_fd, &event) != 0)
        throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
    listeners_.reserve(capacity);
}

int Listeners::add(const probe::Listen& listen, base::TimePoint now) {
    base::UniqueFd fd{listen.fd};
    auto place = std::ranges::find_if(listeners_, [](const Listener& l) { return !l.fd; });
    if (place == listeners_.end()) {
        if (listeners_.size() == capacity) return ENOSPC;
        place = listeners_.emplace(place);
    }
    const auto index = static_cast<std::uint64_t>(place - listeners_.begin());
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return errno;
    *place = Listener{.fd = std::move(fd),
                      .use = listen.use,
                      .family = listen.family,
                      .multihop = listen.multihop,
                      .local = listen.local,
                      .ifindex = listen.ifindex,
                      .vrf = listen.vrf,
                      .empty_at = now};
    return 0;
}

void Listeners::remove(const probe::Unlisten& unlisten) {
    for (auto& listener : listeners_) {
        const bool is_meant = listener.fd && listener.use == unlisten.use && listener.multihop == unlisten.multihop &&
                              listener.local == unlisten.local && listener.ifindex == unlisten.ifindex &&
                              listener.vrf == unlisten.vrf;
        if (!is_meant) continue;
        // Closing does not suffice: somebody else may hold the same socket.
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd.get(), nullptr);
        listener = {};
    }
}

void Listeners::wait(base::TimePoint now, base::TimePoint until) {
    const auto left = std::clamp<base::Duration>(until - now, base::Duration::zero(), std::chrono::hours{1});
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec timeout{.tv_sec = static_cast<time_t>(seconds.count()),
                           .tv_nsec = static_cast<long>((left - seconds).count())};
    const int n = ::epoll_pwait2(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), &timeout, nullptr);
    ready_count_ = n > 0 ? static_cast<std::size_t>(n) : 0;
    interrupted_ = n < 0;
}

void Listeners::mark(base::TimePoint now) {
    for (std::size_t i = 0; i < ready_count_; ++i)
        if (ready_[i].data.u64 != waker) listeners_[ready_[i].data.u64].ready = true;
    if (ready_count_ == ready_.size() || interrupted_) return;  // more may be ready than were told
    for (auto& listener : listeners_)
        if (!listener.ready) listener.empty_at = now;
}

}  // namespace net
