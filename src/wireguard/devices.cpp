#include "wireguard/devices.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace wireguard {
// One device: when it is looked at next, and what it showed last.
class Devices::Watched {
public:
    Watched(boost::asio::io_context& context, std::string name, base::IfIndex index, const Pace& pace,
            std::function<void()> changed)
        : name_{std::move(name)}, index_{index}, pace_{pace}, changed_{std::move(changed)}, timer_{context, [this] {
                                                                                                       on_timer();
                                                                                                   }} {}
    void start(std::unique_ptr<Source> source) {
        source_ = std::move(source);
        timer_.expire_after({});
    }
    void refresh() {
        if (looking_)
            again_ = true;
        else if (problem_.empty())
            timer_.expire_after({});
    }
    void on_answer(Answer answer) {
        looking_ = false;
        timer_.cancel();
        if (!answer) return on_failure(std::move(answer).error());
        problem_.clear();
        backoff_ = pace_.often;
        answer->index = index_;
        answer->interface = name_;
        timer_.expire_after(std::exchange(again_, false)        ? base::Duration::zero()
                            : answer->peers.size() > many_peers ? pace_.seldom
                                                                : pace_.often);
        if (device_ == *answer) return;
        device_ = *std::move(answer);
        changed_();
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
        looking_ = true;
        again_ = false;
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

    std::string name_;
    base::IfIndex index_;
    const Pace& pace_;
    std::function<void()> changed_;
    std::unique_ptr<Source> source_;
    io::Timer timer_;  // the next look, or the time limit of this one
    bool looking_ = false;
    bool again_ = false;
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
    place = std::make_unique<Watched>(context_, name, index, pace_, [this] { flush_.expire_after({}); });
    const auto on_answer = [watched = place.get()](Answer answer) { watched->on_answer(std::move(answer)); };
    place->start(in_kernel ? genetlink_source(context_, index, on_answer)
                           : uapi_source(context_, uapi_folder_ / (name + ".sock"), on_answer));
}

}  // namespace wireguard
