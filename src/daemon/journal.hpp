// The last events, for `wgbfd events`, and those who follow them. Kept as the text that is sent: as trees of values
// they would be several times as large, and take long to write at once.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace wgbfd {

class Journal {
public:
    static constexpr std::size_t kept = 1'000;

    void add(const nlohmann::json& event) {
        auto line = event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        if (on_event) on_event(line);
        events_.push_back(std::move(line));
        if (events_.size() > kept) events_.pop_front();
    }
    std::size_t size() const { return events_.size(); }
    std::string array() const {  // of all, oldest first, in JSON
        std::string out;
        for (const auto& event : events_) out.append(out.empty() ? "[" : ",").append(event);
        return out.empty() ? "[]" : out + "]";
    }

    std::function<void(const std::string&)> on_event;  // told each as it comes, in JSON

private:
    std::deque<std::string> events_;
};

}  // namespace wgbfd
