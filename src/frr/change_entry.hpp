// Enters changes into one FRR daemon's running configuration, one after the other, each from the top.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "frr/settings_plan.hpp"
#include "frr/vty.hpp"

namespace frr {

class ChangeEntry {
public:
    struct Handlers {
        // One of them, or with the refusal not. Others follow.
        std::function<void(const Change&, const std::optional<VtyReply>& refusal)> entered;
        std::function<void()> ended;                  // all of them
        std::function<void(const VtyError&)> failed;  // the rest was not
    };
    ChangeEntry(Vty& vty, Handlers handlers) : vty_{vty}, handlers_{std::move(handlers)} {}

    void run(std::vector<Change> changes);
    // After `failed`: whether the first of them was heard is not known, the others were not sent.
    std::set<Place> unfinished() const;

private:
    void next();
    void ask();
    void on_reply(const VtyReply& reply);

    Vty& vty_;
    Handlers handlers_;
    std::vector<Change> changes_;     // the last one is under way
    std::vector<std::string> steps_;  // of it, the last one next
    std::optional<VtyReply> refusal_;
};

}  // namespace frr
