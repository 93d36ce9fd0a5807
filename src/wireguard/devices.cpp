#include "wireguard/devices.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace wireguard {
namespace {

constexpr int rests = 3;  // times as long as the last look took, before the next that is asked for

base::TimePoint steady_now() { return std::chrono::steady_clock::now(); }

}  // namespace

// One device: when it is looked at next, and what it showed last.
class Devices::Watched {
public:
    Watched(boost::asio::io_context& context, std::string name, base::IfIndex index, const Pace& pace,
            std::function<void()> changed, const OnLook& on_look)
        : name_{std::move(name)},
          index_{index},
          pace_{pace},
          changed_{std::move(changed)},
          on_look_{on_look},
          timer_{context, [this] { on_timer(); }} {}
    void start(std::unique_ptr<Source> source) {
        source_ = std::move(source);
        timer_.expire_after({});
    }
    void refresh() {
        tell_ = true;
        if (looking_)
            again_ = true;
        else if (problem_.empty())
            timer_.expire_after({});
    }
    void look() {
        if (looking_)
            again_ = true;
        else if (problem_.empty() && !std::exchange(asked_, true))  // armed anew each time it would never fire
            expire_at(next_asked());
    }
    void on_answer(Answer answer) {
        looking_ = false;
        timer_.cancel();
        if (!answer) return on_failure(std::move(answer).error());
        problem_.clear();
        backoff_ = pace_.often;
        answer->index = index_;
        answer->interface = name_;
        const auto now = steady_now();
        rested_at_ = now + rests * (now - begun_);
        const bool regular = std::exchange(regular_, false);
        if (regular) due_at_ = now + (answer->peers.size() > many_peers ? pace_.seldom : pace_.often);
        asked_ = std::exchange(again_, false);
        expire_at(asked_ ? next_asked() : due_at_);
        unpublished_ |= device_ != *answer;
        device_ = *std::move(answer);
        on_look_(begun_, *device_);
        if (regular && std::exchange(unpublished_, false)) changed_();
    }
    base::IfIndex index() const { return index_; }
    const std::optional<adjacency::Device>& device() const { return device_; }
    const std::string& problem() const { return problem_; }

private:
    void on_timer() {
        if (looking_) {
            source_->abandon();
            looking_ = false;
            return on_failure("no answer in time: its WireGuard process hangs; restart it");
        }
        begun_ = steady_now();
        regular_ = std::exchange(tell_, false) || begun_ >= due_at_;
        looking_ = true;
        again_ = asked_ = false;
        timer_.expire_after(pace_.time_limit);
        source_->look();
    }
    // What it showed last stands: not being able to look is no evidence about a peer.
    void on_failure(std::string why) {
        problem_ = std::move(why);
        again_ = false;
        timer_.expire_after(backoff_);
        backoff_ = std::min(backoff_ * 2, pace_.longest_backoff);
    }

    base::TimePoint next_asked() const { return tell_ ? base::TimePoint{} : std::min(rested_at_, due_at_); }
    void expire_at(base::TimePoint at) { timer_.expire_after(std::max(at - steady_now(), base::Duration::zero())); }

    std::string name_;
    base::IfIndex index_;
    const Pace& pace_;
    std::function<void()> changed_;
    const OnLook& on_look_;
    std::unique_ptr<Source> source_;
    io::Timer timer_;  // the next look, or the time limit of this one
    bool looking_ = false;
    bool again_ = false;
    bool asked_ = false;        // the timer is for a look that somebody asked for
    bool tell_ = false;         // the next look is a regular one, too
    bool regular_ = false;      // what this look finds changed is told
    bool unpublished_ = false;  // ... and of looks before it, was not yet
    base::TimePoint begun_{}, rested_at_{}, due_at_{};
    base::Duration backoff_ = pace_.often;
    std::optional<adjacency::Device> device_;
    std::string problem_;
};

Devices::Devices(boost::asio::io_context& context, OnChange on_change, std::filesystem::path uapi_folder, Pace pace)
    : context_{context},
      on_change_{std::move(on_change)},
      uapi_folder_{std::move(uapi_folder)},
      pace_{pace},
      flush_{context,
             [this] {
                 std::vector<adjacency::Device> all;
                 for (const auto& [name, watched] : watched_)
                     if (watched->device()) all.push_back(*watched->device());
                 on_change_(std::move(all));
             }},
      scan_{context, [this] { reconcile(); }} {}

Devices::~Devices() = default;

void Devices::on_links(const std::vector<adjacency::Link>& links) {
    links_.clear();
    for (const auto& link : links) links_[link.name] = {link.index, link.kind == "wireguard"};
    reconcile();
}

void Devices::refresh(const std::string& interface) {
    if (const auto at = watched_.find(interface); at != watched_.end()) at->second->refresh();
}

void Devices::look(const std::string& interface) {
    if (const auto at = watched_.find(interface); at != watched_.end()) at->second->look();
}

std::vector<std::string> Devices::problems() const {
    std::vector<std::string> out;
    if (!folder_problem_.empty()) out.push_back(folder_problem_);
    for (const auto& [name, watched] : watched_)
        if (!watched->problem().empty()) out.push_back(name + ": " + watched->problem());
    return out;
}

void Devices::reconcile() {
    scan_.expire_after(pace_.often);  // a userspace WireGuard makes its socket after its interface
    std::erase_if(watched_, [&](const auto& entry) {
        const auto link = links_.find(entry.first);
        if (link != links_.end() && link->second.index == entry.second->index()) return false;
        if (entry.second->device()) flush_.expire_after({});
        return true;
    });
    for (const auto& [name, link] : links_)
        if (link.in_kernel) watch(name, link.index, true);
    for (const auto& name : uapi_names())
        if (const auto link = links_.find(name); link != links_.end() && !link->second.in_kernel)
            watch(name, link->second.index, false);
}

std::vector<std::string> Devices::uapi_names() {
    namespace fs = std::filesystem;
    std::vector<std::string> out;
    std::error_code error;
    fs::directory_iterator entry{uapi_folder_, error};
    for (; !error && entry != fs::directory_iterator{}; entry.increment(error))
        if (entry->path().extension() == ".sock") out.push_back(entry->path().stem().string());
    const bool failed = error && error != std::errc::no_such_file_or_directory;
    folder_problem_ = failed ? uapi_folder_.string() + ": " + error.message() + ": run wgbfd as root" : "";
    return out;
}

void Devices::watch(const std::string& name, base::IfIndex index, bool in_kernel) {
    auto& place = watched_[name];
    if (place) return;
    place = std::make_unique<Watched>(
        context_, name, index, pace_, [this] { flush_.expire_after({}); }, on_look);
    const auto on_answer = [watched = place.get()](Answer answer) { watched->on_answer(std::move(answer)); };
    place->start(in_kernel ? genetlink_source(context_, index, on_answer)
                           : uapi_source(context_, uapi_folder_ / (name + ".sock"), on_answer));
}

}  // namespace wireguard
