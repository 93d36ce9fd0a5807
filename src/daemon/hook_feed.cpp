#include "daemon/hook_feed.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

namespace wgbfd {
namespace {

using namespace std::chrono_literals;
using policy::VerdictState;

constexpr base::Duration withdrawn_within = 2s;
constexpr std::size_t longest_told_output = 200;
constexpr std::array states{VerdictState::unknown, VerdictState::up, VerdictState::degraded, VerdictState::down,
                            VerdictState::admin_down};

std::string text(VerdictState state) { return std::string{to_string(state)}; }

// One line of what it said, fit for the log.
std::string last_words(const io::JobResult& result) {
    auto out = result.output.substr(0, longest_told_output);
    for (auto& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"' || c == '\\') c = ' ';
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

std::string failure_of(const io::JobResult& result) {
    switch (result.end) {
        case io::JobEnd::exited: return result.status == 0 ? "" : "exit status " + std::to_string(result.status);
        case io::JobEnd::killed: return "killed by signal " + std::to_string(result.status);
        case io::JobEnd::timed_out: return "not done in time";
        case io::JobEnd::not_started: return "could not be started, and is tried again";
    }
    return "?";
}

}  // namespace

HookFeed::HookFeed(boost::asio::io_context& context, io::Jobs& jobs, std::filesystem::path run_dir,
                   std::function<base::Now()> now, std::function<void(const std::string&)> on_note,
                   base::Duration again_after)
    : jobs_{jobs},
      run_dir_{std::move(run_dir)},
      now_{std::move(now)},
      on_note_{std::move(on_note)},
      again_after_{again_after},
      withdrawal_{context, [this] { finish(); }},
      again_{context, [this] { settle(); }} {
    load();
}

void HookFeed::configure(const config::Config& config) {
    defaults_ = config.hook;
    commands_.clear();
    for (const auto& adjacency : config.adjacencies)
        if (adjacency.name && !adjacency.hook.empty()) commands_[*adjacency.name] = adjacency.hook;
}

void HookFeed::apply(std::span<const policy::Wanted> all) {
    for (auto& [name, hook] : hooks_) hook.wanted = false;
    for (const auto& wanted : all) {
        const auto [at, fresh] = hooks_.try_emplace(wanted.adjacency.name);
        auto& hook = at->second;
        if (const auto known = remembered_.find(at->first); fresh && known != remembered_.end())
            hook.ran = known->second;
        hook.adjacency = wanted.adjacency;
        hook.latest = {wanted.verdict.state, wanted.verdict.cost};
        hook.cause = wanted.verdict.cause;
        hook.wanted = true;
    }
    remembered_.clear();
    for (auto& [name, hook] : hooks_) {
        if (hook.wanted) continue;
        hook.latest = {};
        hook.cause.reset();
    }
    settle();
}

// Before anything is known, and after "up", nobody needs to hear that nothing is known.
bool HookFeed::is_news(const Said& latest, const Said& ran) {
    if (latest.state != VerdictState::unknown) return latest != ran;
    return ran.state != VerdictState::unknown && ran.state != VerdictState::up;
}

// Who has waited longest comes first.
void HookFeed::settle() {
    const auto now = now_().steady;
    std::erase_if(hooks_, [](const Entry& entry) {
        const auto& hook = entry.second;
        return !hook.wanted && !hook.running && !is_news(hook.latest, hook.ran);
    });
    std::vector<Entry*> waiting;
    std::uint32_t running = 0;
    for (auto& entry : hooks_) {
        auto& hook = entry.second;
        running += hook.running ? 1U : 0U;
        if (hook.running) continue;
        if (!is_news(hook.latest, hook.ran)) {
            hook.waits_since = base::never;
            if (std::exchange(hook.not_before, base::TimePoint::min()) != base::TimePoint::min()) hook.problem.clear();
            continue;
        }
        hook.waits_since = std::min(hook.waits_since, now);
        waiting.push_back(&entry);
    }
    auto again = base::never;
    std::ranges::stable_sort(waiting, {}, [](const Entry* entry) { return entry->second.waits_since; });
    for (auto* entry : waiting)
        if (entry->second.not_before > now) {
            again = std::min(again, entry->second.not_before);
        } else if (running < defaults_.at_most) {
            start(*entry);
            ++running;
        }
    if (again != base::never) again_.expire_after(again - now);
    if (running == 0 && waiting.empty()) finish();
}

std::span<const std::string> HookFeed::command_of(const std::string& name) const {
    const auto own = commands_.find(name);
    return own != commands_.end() ? own->second : defaults_.command;
}

io::Job HookFeed::job_for(const Entry& entry) const {
    const auto& [name, hook] = entry;
    const auto command = command_of(name);
    const auto& adjacency = hook.adjacency;
    const auto cause = hook.cause ? std::string{to_string(*hook.cause)} : std::string{};
    const auto local = adjacency.addresses ? to_string(adjacency.addresses->local) : std::string{};
    const auto remote = adjacency.addresses ? to_string(adjacency.addresses->remote) : std::string{};
    const auto key = to_base64(adjacency.peer);
    const nlohmann::json input{{"name", name},
                               {"interface", adjacency.interface},
                               {"peer", key},
                               {"local", local},
                               {"remote", remote},
                               {"state", text(hook.latest.state)},
                               {"from", text(hook.ran.state)},
                               {"cause", hook.cause ? nlohmann::json(cause) : nlohmann::json()},
                               {"cost", hook.latest.cost},
                               {"at", base::to_iso8601(now_().wall)}};
    io::Job job;
    job.kind = io::exec_job;
    job.arguments.assign(command.begin(), command.end());
    job.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                       "WGBFD_NAME=" + name,
                       "WGBFD_INTERFACE=" + adjacency.interface,
                       "WGBFD_PEER=" + key,
                       "WGBFD_LOCAL=" + local,
                       "WGBFD_REMOTE=" + remote,
                       "WGBFD_STATE=" + text(hook.latest.state),
                       "WGBFD_FROM=" + text(hook.ran.state),
                       "WGBFD_CAUSE=" + cause,
                       "WGBFD_COST=" + std::to_string(hook.latest.cost),
                       "WGBFD_RUN_DIR=" + run_dir_.string()};
    job.input = input.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    job.time_limit = defaults_.timeout;
    return job;
}

void HookFeed::start(Entry& entry) {
    auto& hook = entry.second;
    hook.waits_since = base::never;
    const auto said = hook.latest;
    if (command_of(entry.first).empty()) {  // none is configured any more
        hook.ran = said;
        return;
    }
    hook.running = jobs_.run(
        job_for(entry), [this, name = entry.first, said](const io::JobResult& result) { on_end(name, said, result); });
}

void HookFeed::on_end(const std::string& name, const Said& said, const io::JobResult& result) {
    const auto at = hooks_.find(name);
    if (at == hooks_.end()) return;
    auto& hook = at->second;
    hook.running.reset();
    if (result.end == io::JobEnd::not_started) return on_not_started(hook, name, said, result);
    hook.not_before = base::TimePoint::min();
    hook.ran = said;
    hook.ran_at = now_().wall;
    hook.problem = failure_of(result);
    tell(name, hook, said, result);
    remember();
    settle();
}

// Nobody has heard of it: it is still news. Told once, however often.
void HookFeed::on_not_started(Hook& hook, const std::string& name, const Said& said, const io::JobResult& result) {
    hook.not_before = now_().steady + again_after_;
    if (auto why = failure_of(result); hook.problem != why) {
        hook.problem = std::move(why);
        tell(name, hook, said, result);
    }
    settle();
}

void HookFeed::tell(const std::string& name, const Hook& hook, const Said& said, const io::JobResult& result) const {
    auto note = "hook adjacency=" + name + " state=" + text(said.state);
    if (!hook.problem.empty()) note += " problem=\"" + hook.problem + "\"";
    if (const auto words = last_words(result); !words.empty()) note += " said=\"" + words + "\"";
    on_note_(note);
}

void HookFeed::withdraw_all(std::function<void()> done) {
    on_withdrawn_ = std::move(done);
    withdrawal_.expire_after(withdrawn_within);
    apply({});
}

void HookFeed::finish() {
    if (!on_withdrawn_) return;
    withdrawal_.cancel();
    for (auto& [name, hook] : hooks_)
        if (hook.running) jobs_.cancel(*std::exchange(hook.running, std::nullopt));
    std::exchange(on_withdrawn_, {})();
}

// A run that has ended is remembered: one that a dead worker took along is made again.
void HookFeed::remember() {
    const auto path = run_dir_ / "hooks";
    const auto fresh = run_dir_ / "hooks.tmp";
    {
        std::ofstream out{fresh, std::ios::binary | std::ios::trunc};
        for (const auto& [name, hook] : hooks_)
            if (hook.ran.state != VerdictState::unknown)
                out << text(hook.ran.state) << ' ' << hook.ran.cost << ' ' << name << '\n';
        if (!out.flush()) problem_ = "cannot write " + fresh.string() + ": hooks run again after a restart";
    }
    std::error_code error;
    std::filesystem::rename(fresh, path, error);
    if (error)
        problem_ = "cannot write " + path.string() + ": " + error.message() + ": hooks run again after a restart";
}

void HookFeed::load() {
    std::ifstream in{run_dir_ / "hooks", std::ios::binary};
    std::string state, name;
    for (Said said; in >> state >> said.cost >> name;)
        for (const auto each : states)
            if (to_string(each) == state) remembered_[name] = {each, said.cost};
}

policy::FeedStatus HookFeed::status() const {
    policy::FeedStatus out{.name = hook_feed, .healthy = true, .problem = problem_, .told = {}};
    if (!jobs_.is_alive()) out.problem = "the process that runs commands has ended: restart wgbfd";
    for (const auto& [name, hook] : hooks_) {
        if (!hook.problem.empty())
            out.problem += (out.problem.empty() ? "" : "; ") + name + ": " + hook.problem + ": see the log";
        if (hook.ran_at) out.told.push_back({hook.adjacency.id, text(hook.ran.state), *hook.ran_at});
    }
    out.healthy = out.problem.empty();
    return out;
}

}  // namespace wgbfd
