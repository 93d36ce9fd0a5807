// The undo records of the feed `endpoint`, by their subjects, since a peer may be configured no more: what stood there
// before anything of ours, and what we gave. A change is recorded in advance, for it may be cut short.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adjacency/peer.hpp"
#include "base/ip_address.hpp"
#include "io/undo_log.hpp"

namespace wireguard {

inline constexpr const char* endpoint_feed = "endpoint";

using PeerKey = std::pair<std::string, adjacency::PublicKey>;  // interface, peer
std::string subject_of(const PeerKey& key);
std::string text_of(const std::optional<base::Endpoint>& endpoint);

class EndpointRecords {
public:
    explicit EndpointRecords(io::UndoLog& undo) : undo_{undo} {}

    std::vector<io::UndoRecord> all() const { return undo_.records(endpoint_feed); }
    std::optional<io::UndoRecord> find(const std::string& subject) const;
    std::optional<std::string> ours(const std::string& subject) const;  // none: there is no record

    // Before a change from `present`. False: it cannot be written, so nothing may change.
    bool announce(const std::string& subject, const std::optional<base::Endpoint>& present, const base::Endpoint& to);
    // That change has ended: the record says what stands; none: nothing of ours does.
    void conclude(const std::string& subject, const std::optional<std::string>& standing);
    void forget(const std::string& subject);
    const std::string& problem() const { return problem_; }

private:
    io::UndoLog& undo_;
    std::string problem_;
};

}  // namespace wireguard
