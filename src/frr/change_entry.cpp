#include "frr/change_entry.hpp"

#include <algorithm>
#include <utility>

namespace frr {

void ChangeEntry::run(std::vector<Change> changes) {
    changes_ = std::move(changes);
    next();
}

void ChangeEntry::next() {
    if (changes_.empty()) return handlers_.ended();
    const auto& change = changes_.back();
    steps_ = commands_for(change.place, change.to, change.block);
    steps_.insert(steps_.begin(), "configure terminal");
    steps_.emplace_back("end");
    std::ranges::reverse(steps_);
    refusal_.reset();
    ask();
}

void ChangeEntry::ask() {
    vty_.command(steps_.back(), [this](const base::Result<VtyReply, VtyError>& reply) {
        if (!reply) return handlers_.failed(reply.error());
        on_reply(*reply);
    });
}

void ChangeEntry::on_reply(const VtyReply& reply) {
    steps_.pop_back();
    if (!steps_.empty()) {
        if (!reply.ok() && !refusal_) {
            refusal_ = reply;
            steps_ = {"end"};  // whatever was refused, the next change begins at the top
        }
        return ask();
    }
    const auto change = std::move(changes_.back());
    changes_.pop_back();
    handlers_.entered(change, refusal_);
    next();
}

std::set<Place> ChangeEntry::unfinished() const {
    std::set<Place> out;
    for (const auto& change : changes_) out.insert(change.place);
    return out;
}

}  // namespace frr
