// Names that DNS knows and the addresses they last had: when each is to be looked up next. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace wireguard {

struct Looked {
    std::vector<base::IpAddress> addresses;  // in the resolver's order
    std::optional<base::Duration> ttl;       // the least one; none: not from DNS, or not told
    friend bool operator==(const Looked&, const Looked&) = default;
};

// What a look-up in a child prints: "ttl 60" (where it is known) and an address a line. Nothing: it is no such text.
std::optional<Looked> parse_looked(std::string_view text);

class NameCache {
public:
    static constexpr base::Duration soonest = std::chrono::seconds{10};  // whatever a TTL says, or how often it fails
    static constexpr std::size_t most_at_once = 8;  // what else is done in children finds a place beside them

    void want(std::set<std::string> names);  // others are forgotten
    // Names whose time has come; `urgent`: because a peer is not heard, and these first. So many as may be asked now:
    // the others come after an answer. Counts as begun until on_answer().
    std::vector<std::string> due(base::TimePoint now, const std::set<std::string>& urgent);
    // None: it failed, and what was known stands. True: the addresses are news.
    bool on_answer(base::TimePoint now, const std::string& name, std::optional<Looked> answer, base::Duration longest);
    const std::vector<base::IpAddress>& addresses(const std::string& name) const;
    std::vector<std::string> unknown() const;  // names that have no address, and were asked for
    base::TimePoint deadline() const;

private:
    std::size_t places() const;  // for more
    struct Name {
        std::vector<base::IpAddress> addresses;
        base::TimePoint asked = base::TimePoint::min();
        base::TimePoint due = base::TimePoint::min();
        bool asking = false;
        bool failed = false;
    };
    std::map<std::string, Name> names_;
};

}  // namespace wireguard
