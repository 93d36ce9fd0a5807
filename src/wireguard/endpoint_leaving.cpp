// How the feed `endpoint` puts back what is still ours: of peers that are configured no more, and of all when we stop.
#include <algorithm>
#include <chrono>
#include <utility>

#include "wireguard/endpoint_feed.hpp"
#include "wireguard/endpoint_jobs.hpp"

namespace wireguard {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration withdrawn_within = 2s;

}  // namespace

void EndpointFeed::put_back(const io::UndoRecord& record) {
    leaving_.insert(record.subject);
    io::Job job;
    job.kind = revert_job;
    job.arguments = {record.subject, record.before, record.ours};
    job.time_limit = withdrawn_within;
    jobs_.run(job, [this, subject = record.subject](const io::JobResult& result) {
        const bool ended = result.end == io::JobEnd::exited && result.status == 0;
        if (ended) records_.forget(subject);  // else the guardian, or `undo`, tries again
        leaving_.erase(subject);
        go_on();
    });
}

void EndpointFeed::withdraw_all(std::function<void()> done) {
    on_withdrawn_ = std::move(done);
    timer_.cancel();
    withdrawal_.expire_after(withdrawn_within);
    for (const auto& record : records_.all()) leave(record.subject);
    if (is_left()) withdrawal_.expire_after({});
}

bool EndpointFeed::is_busy(const std::string& subject) const {
    return std::ranges::any_of(
        peers_, [&](const Entry& entry) { return entry.second.job && subject_of(entry.first) == subject; });
}

// Once; and not before the end of a change that is under way, lest that come to WireGuard after what puts it back.
void EndpointFeed::leave(const std::string& subject) {
    if (leaving_.contains(subject) || is_busy(subject)) return;
    if (const auto record = records_.find(subject)) put_back(*record);
}

// Nothing is under way any more.
bool EndpointFeed::is_left() const {
    return leaving_.empty() &&
           std::ranges::none_of(peers_, [](const Entry& entry) { return entry.second.job.has_value(); });
}

void EndpointFeed::go_on() {
    if (!on_withdrawn_) return settle();
    if (is_left()) finish();
}

void EndpointFeed::finish() {
    if (!on_withdrawn_) return;
    withdrawal_.cancel();
    const auto done = std::exchange(on_withdrawn_, [] {});  // nothing begins any more
    done();
}

}  // namespace wireguard
