#include "io/timer.hpp"

#include <cstdint>
#include <utility>

#include <boost/asio/steady_timer.hpp>

namespace io {

struct Timer::State {
    boost::asio::steady_timer timer;
    std::function<void()> on_expiry;
    std::uint64_t generation = 0;  // completions of an older one are stale
    bool armed = false;
};

Timer::Timer(boost::asio::io_context& context, std::function<void()> on_expiry)
    : state_{std::make_shared<State>(State{boost::asio::steady_timer{context}, std::move(on_expiry)})} {}

Timer::~Timer() { cancel(); }

void Timer::expire_after(base::Duration delay) {
    const auto generation = ++state_->generation;
    state_->armed = true;
    state_->timer.expires_after(delay);
    state_->timer.async_wait([state = state_, generation](const boost::system::error_code& error) {
        if (error || generation != state->generation) return;
        state->armed = false;
        state->on_expiry();
    });
}

void Timer::cancel() {
    ++state_->generation;
    state_->armed = false;
    state_->timer.cancel();
}

bool Timer::is_armed() const { return state_->armed; }

}  // namespace io
