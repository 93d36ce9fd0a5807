// Checks of FRR: bfdd and its data plane, zebra's FPM module, versions with known faults, link detection.
#include <algorithm>
#include <cstring>
#include <ranges>

#include "cli/doctor_checks.hpp"
#include "frr/dataplane_address.hpp"
#include "frr/fpm_codec.hpp"

namespace cli {
namespace {

constexpr const char* proposed = "unix:/run/frr/bfddp.sock";
constexpr std::string_view option = "--dplaneaddr";

// /var/run is /run.
std::string plain(std::string text) {
    if (const auto at = text.find(":/var/run/"); at != std::string::npos) text.erase(at + 1, 4);
    return text;
}

bool same_address(const std::string& one, const std::string& other) {
    const auto a = frr::parse_dataplane_address(plain(one));
    const auto b = frr::parse_dataplane_address(plain(other));
    if (!a || !b) return one == other;
    return a->length == b->length && std::memcmp(&a->storage, &b->storage, a->length) == 0;
}

// One bfdd, running or to be started, with its options, against our own configuration.
Finding judge(const std::string& subject, const std::vector<std::string>& options,
              const std::optional<std::string>& ours) {
    const auto theirs = data_plane_of(options);
    if (!theirs)
        return {"bfdd", Severity::error, subject,
                "has no --dplaneaddr: it wants BFD's ports for itself, and aborts when they are taken",
                std::string{"add --dplaneaddr "} + (ours ? *ours : proposed) + " to bfdd_options in /etc/frr/daemons" +
                    (ours ? "" : ", write the same address into [frr] bfd_dataplane") + ", and restart FRR"};
    if (!frr::parse_dataplane_address(*theirs))
        return {"bfdd", Severity::error, subject, "--dplaneaddr " + *theirs + " is none that wgbfd can connect to",
                std::string{"write --dplaneaddr "} + (ours ? *ours : proposed) +
                    " there (bfdd as the client, unixc: and the like, is broken in FRR 8.4), and restart FRR"};
    if (!ours)
        return {"bfdd", Severity::error, subject, "waits for a data plane at " + *theirs + ", and nobody serves it",
                "write bfd_dataplane = \"" + *theirs + "\" under [frr] in wgbfd.toml, and 'wgbfd reload'"};
    if (!same_address(*theirs, *ours))
        return {"bfdd", Severity::error, subject,
                "listens for its data plane at " + *theirs + ", and [frr] bfd_dataplane is " + *ours,
                "write the same address in both places; for bfd_dataplane: \"" + *theirs + "\""};
    return {"bfdd", Severity::ok, subject, "its data plane is ours, at " + *theirs, ""};
}

// "-M dplane_fpm_nl", "-Mdplane_fpm_nl", "--module=dplane_fpm_nl", with or without ":options".
bool loads_fpm(const std::vector<std::string>& arguments) {
    return std::ranges::any_of(arguments, [](const std::string& word) {
        auto module = std::string_view{word}.substr(0, word.find(':'));
        for (const std::string_view prefix : {"-M", "--module="})
            if (module.starts_with(prefix)) module.remove_prefix(prefix.size());
        return module == "dplane_fpm_nl";
    });
}

// "127.0.0.1:2621" as zebra's command has it.
std::string fpm_command(const std::string& listen) {
    const auto colon = listen.rfind(':');
    auto host = listen.substr(0, colon);
    std::erase_if(host, [](char c) { return c == '[' || c == ']'; });
    const auto port = listen.substr(colon + 1);
    return "fpm address " + host + (port == std::to_string(frr::default_fpm_port) ? "" : " port " + port);
}

std::vector<std::string> linked_interfaces(const config::Config& config) {
    std::vector<std::string> out;
    const auto add = [&](const std::string& interface, const std::vector<std::string>& feeds) {
        if (std::ranges::find(feeds, "link") != feeds.end() && std::ranges::find(out, interface) == out.end())
            out.push_back(interface);
    };
    for (const auto& interface : config.interfaces) add(interface.name, interface.feeds);
    for (const auto& adjacency : config.adjacencies) add(adjacency.interface, adjacency.feeds);
    return out;
}

}  // namespace

std::vector<std::string> words_of(const std::string& options) {
    std::vector<std::string> out(1);
    for (const char c : options) {
        if (c == '"' || c == '\'') continue;
        if (c != ' ' && c != '\t')
            out.back() += c;
        else if (!out.back().empty())
            out.emplace_back();
    }
    return out;
}

std::optional<std::string> data_plane_of(const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (!word.starts_with(option)) continue;
        if (word.size() > option.size() && word[option.size()] == '=')
            return std::string{word.substr(option.size() + 1)};
        if (word == option) return i + 1 < arguments.size() ? arguments[i + 1] : std::string{};
    }
    return std::nullopt;
}

Findings check_bfdd(const BfddFacts& facts, const std::optional<std::string>& bfd_dataplane) {
    Findings out;
    for (const auto& bfdd : facts.running)
        out.push_back(judge("pid " + std::to_string(bfdd.pid), bfdd.arguments, bfd_dataplane));
    // A running bfdd's command line counts over the file.
    if (facts.running.empty() && facts.enabled && facts.enabled->bfdd)
        out.push_back(judge("/etc/frr/daemons", words_of(facts.enabled->bfdd_options), bfd_dataplane));
    if (!out.empty()) {
        const bool good = std::ranges::all_of(out, [](const Finding& f) { return f.severity == Severity::ok; });
        if (good && !facts.running.empty() && facts.socket_exists == false)
            out.push_back({"bfdd", Severity::error, *bfd_dataplane, "bfdd runs, and there is no such socket",
                           "restart bfdd: its socket was removed, or lies under another root or /run"});
        return out;
    }
    if (bfd_dataplane)
        return {{"bfdd", Severity::warning, *bfd_dataplane, "[frr] bfd_dataplane is set, and no bfdd runs",
                 "write bfdd=yes and bfdd_options=\"--dplaneaddr " + *bfd_dataplane +
                     "\" into /etc/frr/daemons and restart FRR, or remove bfd_dataplane"}};
    return {{"bfdd", Severity::ok, "", "no bfdd here", ""}};
}

Findings check_fpm(const ZebraFacts& facts, const std::optional<std::string>& fpm) {
    if (!fpm) return {};
    const auto warning = [](std::string subject, std::string message, std::string fix) {
        return Findings{{"fpm", Severity::warning, std::move(subject), std::move(message), std::move(fix)}};
    };
    const auto command = fpm_command(*fpm);
    const std::string meanwhile = "; failover reports come from the kernel's route events";
    const std::string load = "add -M dplane_fpm_nl to zebra_options in /etc/frr/daemons, restart FRR, and write '" +
                             command + "' into zebra's configuration; or remove [frr] fpm";
    for (const auto& zebra : facts.running)
        if (!loads_fpm(zebra.arguments))
            return warning("pid " + std::to_string(zebra.pid),
                           "zebra runs without its module dplane_fpm_nl" + meanwhile, load);
    if (facts.running.empty() && !(facts.enabled && loads_fpm(words_of(facts.enabled->zebra_options))))
        return warning(
            *fpm,
            std::string{facts.enabled ? "zebra starts without its module dplane_fpm_nl" : "no zebra runs here"} +
                meanwhile,
            load);
    if (facts.running_config && facts.running_config->find("fpm address ") == std::string::npos)
        return warning(*fpm, "zebra has its module, and connects nowhere" + meanwhile,
                       "vtysh -c 'configure terminal' -c '" + command + "', and 'write'");
    return {{"fpm", Severity::ok, *fpm, "zebra has its module dplane_fpm_nl", ""}};
}

Findings check_frr_version(const VtyFacts& facts) {
    const auto one = [](Severity severity, std::string subject, std::string message, std::string fix) {
        return Findings{{"frr", severity, std::move(subject), std::move(message), std::move(fix)}};
    };
    if (facts.directory.empty() || !facts.version) return one(Severity::ok, "", "no FRR here", "");
    if (!*facts.version) {
        // Without a directory in the configuration FRR may simply not be used here.
        const auto severity = facts.configured ? Severity::warning : Severity::ok;
        return one(severity, facts.directory, facts.version->error(),
                   facts.configured ? "start zebra, or correct [frr] vty" : "");
    }
    const auto version = frr::parse_version(**facts.version);
    if (!version) return one(Severity::ok, facts.directory, "a version that wgbfd does not know", "");
    if (frr::delays_bfd_down(*version))
        return one(Severity::warning, to_string(*version), "takes BGP down 30 s after BFD does",
                   "upgrade to 10.6, or a 10.5 after 10.5.2; or write 'neighbor X timers 3 9' for each neighbour; or "
                   "use the feed link");
    return one(Severity::ok, to_string(*version), "is free of the 30 s delay after BFD Down", "");
}

Findings check_link_detect(const VtyFacts& facts, const config::Config& config) {
    const auto linked = linked_interfaces(config);
    if (linked.empty()) return {};
    if (!facts.interfaces) return {};  // no FRR: another daemon, or none, reads the operational state
    Findings out;
    const auto add = [&](Severity severity, const std::string& subject, std::string message, std::string fix) {
        out.push_back({"link-detect", severity, subject, std::move(message), std::move(fix)});
    };
    if (!*facts.interfaces) {
        add(Severity::warning, facts.directory, facts.interfaces->error(),
            "start zebra: without it nobody acts on the feed link");
        return out;
    }
    for (const auto& name : linked) {
        const auto found = std::ranges::find(**facts.interfaces, name, &frr::InterfaceShown::name);
        if (found == (*facts.interfaces)->end())
            add(Severity::warning, name, "feeds link, and zebra does not know it",
                "create the interface, or correct its name in wgbfd.toml");
        else if (!found->link_detection)
            add(Severity::error, name, "feeds link, and FRR ignores it: link-detect is off",
                "vtysh -c 'configure terminal' -c 'interface " + name + "' -c 'link-detect', and 'write'");
        else
            add(Severity::ok, name, "FRR follows its state", "");
    }
    return out;
}

}  // namespace cli
