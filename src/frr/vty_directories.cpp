#include "frr/vty_directories.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace frr {

VtyDirectories::VtyDirectories(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                               std::function<void()> on_new)
    : context_{context}, undo_{undo}, now_{std::move(now)}, on_new_{std::move(on_new)}, sweep_{context, [this] {
                                                                                                   sweep();
                                                                                               }} {}

void VtyDirectories::follow(std::optional<std::string> directory) {
    directory_ = std::move(directory);
    if (feed_ && feed_->directory() != directory_) leave(std::move(feed_));
    leave_recorded();
    begin();
}

VtyDirectories::Feeds::iterator VtyDirectories::find_former(const std::string& directory) {
    return std::ranges::find_if(former_, [&](const auto& feed) { return feed->directory() == directory; });
}

void VtyDirectories::leave(std::unique_ptr<VtyFeed> feed) {
    former_.push_back(std::move(feed));
    former_.back()->leave([this] { sweep_.expire_after({}); });
}

// By an earlier process.
void VtyDirectories::leave_recorded() {
    unreadable_.clear();
    for (const auto& record : undo_.records(vty_feed)) {
        const auto known = parse_record(record);
        if (!known) unreadable_.push_back("the undo record of " + record.subject + " cannot be read, and stays");
        if (!known || known->directory == directory_ || find_former(known->directory) != former_.end()) continue;
        leave(std::make_unique<VtyFeed>(context_, undo_, now_, known->directory));
    }
}

// Under two names at once a directory would be left and entered at the same time.
void VtyDirectories::begin() {
    if (!directory_ || feed_) return;
    if (const auto former = find_former(*directory_); former != former_.end()) {
        feed_ = std::move(*former);
        former_.erase(former);
        feed_->stay();
    } else {
        const auto is_the_same = [&](const auto& feed) {
            std::error_code error;
            return std::filesystem::equivalent(feed->directory(), *directory_, error);
        };
        if (std::ranges::any_of(former_, is_the_same)) return;  // sweep() follows
        feed_ = std::make_unique<VtyFeed>(context_, undo_, now_, *directory_);
    }
    feed_->on_links(links_);
}

void VtyDirectories::sweep() {
    std::erase_if(former_, [](const auto& feed) { return feed->is_clear(); });
    if (feed_) return;
    begin();
    if (feed_ && applied_) on_new_();
}

void VtyDirectories::on_links(std::vector<adjacency::Link> links) {
    links_ = std::move(links);
    if (feed_) feed_->on_links(links_);
}

void VtyDirectories::apply(std::span<const policy::Wanted> all) {
    applied_ = true;
    if (feed_) feed_->apply(all);
}

bool VtyDirectories::is_clear() const {
    return former_.empty() && (!feed_ || feed_->is_clear()) && unreadable_.empty();
}

policy::FeedStatus VtyDirectories::status() const {
    policy::FeedStatus out{.name = vty_feed, .healthy = true, .problem = {}, .told = {}};
    if (feed_) out.told = feed_->status().told;
    for (const auto& problem : problems()) out.problem += (out.problem.empty() ? "" : "; ") + problem;
    out.healthy = out.problem.empty();
    return out;
}

std::vector<std::string> VtyDirectories::problems() const {
    auto out = feed_ ? feed_->problems() : std::vector<std::string>{};
    for (const auto& feed : former_)
        for (const auto& problem : feed->problems())
            out.push_back("in " + feed->directory() + ", which is to be as it was: " + problem);
    out.insert(out.end(), unreadable_.begin(), unreadable_.end());
    return out;
}

void VtyDirectories::withdraw_all(std::function<void()> done) {
    sweep_.cancel();
    if (feed_) former_.push_back(std::move(feed_));
    to_withdraw_ = former_.size();
    if (former_.empty()) return done();
    for (const auto& feed : former_)
        feed->withdraw_all([this, done] {
            if (--to_withdraw_ == 0) done();
        });
}

}  // namespace frr
