// The last events, for `wgbfd events`, and those who follow them.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

#include <nlohmann/json.hpp>

namespace wgbfd {

class Journal {
public:
    static constexpr std::size_t kept = 1'000;

    void add(nlohmann::json event) {
        if (on_event) on_event(event);
        events_.push_back(std::move(event));
        if (events_.size() > kept) events_.pop_front();
    }
    const std::deque<nlohmann::json>& events() const { return events_; }

    std::function<void(const nlohmann::json&)> on_event;  // told each as it comes

private:
    std::deque<nlohmann::json> events_;
};

}  // namespace wgbfd
