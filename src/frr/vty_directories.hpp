// The feed `frr-vty` in the directory that is configured, and in those that are no more: there it takes back what is
// left, and tries until nothing of ours stands. Waits for nobody.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frr/vty_feed.hpp"

namespace frr {

class VtyDirectories {
public:
    // `on_new`: the feed begins later than follow(), and after the first apply(): it is to be told all.
    VtyDirectories(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                   std::function<void()> on_new);

    void follow(std::optional<std::string> directory);  // at the start, and when it changes
    void on_links(std::vector<adjacency::Link> links);
    void apply(std::span<const policy::Wanted> all);
    bool is_clear() const;  // nothing of ours stands anywhere
    policy::FeedStatus status() const;
    std::vector<std::string> problems() const;
    // For stop: takes everything back, and then calls `done`, within 2 s however FRR behaves.
    void withdraw_all(std::function<void()> done);

private:
    using Feeds = std::vector<std::unique_ptr<VtyFeed>>;

    Feeds::iterator find_former(const std::string& directory);
    void leave(std::unique_ptr<VtyFeed> feed);
    void leave_recorded();
    void begin();
    void sweep();

    boost::asio::io_context& context_;
    io::UndoLog& undo_;
    std::function<base::Now()> now_;
    std::function<void()> on_new_;
    std::vector<adjacency::Link> links_;
    std::optional<std::string> directory_;
    std::unique_ptr<VtyFeed> feed_;  // none: no directory is configured, or it waits for another name of the same one
    Feeds former_;
    std::vector<std::string> unreadable_;
    bool applied_ = false;
    std::size_t to_withdraw_ = 0;
    io::Timer sweep_;
};

}  // namespace frr
