#include "wireguard/endpoint_records.hpp"

#include <algorithm>
#include <system_error>

namespace wireguard {
namespace {

// While a change is under way either may stand: the one before, or the one that comes.
std::string either(const std::optional<std::string>& before, const base::Endpoint& to) {
    return before ? *before + " " + to_string(to) : to_string(to);
}

}  // namespace

std::string subject_of(const PeerKey& key) { return key.first + " " + to_base64(key.second); }

std::string text_of(const std::optional<base::Endpoint>& endpoint) { return endpoint ? to_string(*endpoint) : "none"; }

std::optional<io::UndoRecord> EndpointRecords::find(const std::string& subject) const {
    const auto records = all();
    const auto found = std::ranges::find(records, subject, &io::UndoRecord::subject);
    return found == records.end() ? std::nullopt : std::optional{*found};
}

std::optional<std::string> EndpointRecords::ours(const std::string& subject) const {
    const auto record = find(subject);
    return record ? std::optional{record->ours} : std::nullopt;
}

// Where what stood there before anything of ours is also what is to stand now, there is nothing to put back.
bool EndpointRecords::announce(const std::string& subject, const std::optional<base::Endpoint>& present,
                               const base::Endpoint& to) {
    const auto before = ours(subject);
    if (present == to && !before) return true;
    try {
        undo_.record({endpoint_feed, subject, text_of(present), either(before, to)});
        problem_.clear();
        return true;
    } catch (const std::system_error& error) {
        problem_ =
            std::string{"left the endpoints as they are, for the undo record cannot be written: "} + error.what();
        return false;
    }
}

void EndpointRecords::conclude(const std::string& subject, const std::optional<std::string>& standing) {
    const auto recorded = ours(subject);
    if (recorded == standing) return;
    try {
        if (!standing)
            undo_.forget(endpoint_feed, subject);
        else if (recorded)
            undo_.record({endpoint_feed, subject, {}, *standing});
    } catch (const std::system_error&) {  // one that names another endpoint than stands there is harmless
    }
}

void EndpointRecords::forget(const std::string& subject) {
    try {
        undo_.forget(endpoint_feed, subject);
    } catch (const std::system_error& error) {
        problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

}  // namespace wireguard
