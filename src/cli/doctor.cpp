// `wgbfd doctor`: checks this host and says how to mend it. Works where the daemon cannot start, and without a
// configuration.
#include <algorithm>
#include <iostream>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/doctor_gather.hpp"
#include "cli/options.hpp"
#include "view/text.hpp"

namespace cli {
namespace {

std::size_t count(const Findings& findings, Severity severity) {
    return static_cast<std::size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

void print(const Findings& findings) {
    for (const auto& finding : findings) {
        std::string severity{to_string(finding.severity)};
        severity.resize(9, ' ');
        const auto subject = finding.subject.empty() ? "" : " " + finding.subject;
        std::cout << view::printable(severity + finding.check + subject + ": " + finding.message) << '\n';
        if (!finding.fix.empty()) std::cout << view::printable("         fix: " + finding.fix) << '\n';
    }
    const auto errors = count(findings, Severity::error), warnings = count(findings, Severity::warning);
    std::cout << errors << (errors == 1 ? " error, " : " errors, ") << warnings
              << (warnings == 1 ? " warning, " : " warnings, ") << count(findings, Severity::ok) << " ok\n";
}

void print_json(const Findings& findings) {
    const auto or_null = [](const std::string& text) {
        return text.empty() ? nlohmann::json() : nlohmann::json(view::clean(text));
    };
    auto all = nlohmann::json::array();
    for (const auto& finding : findings)
        all.push_back({{"check", finding.check},
                       {"severity", to_string(finding.severity)},
                       {"subject", or_null(finding.subject)},
                       {"message", view::clean(finding.message)},
                       {"fix", or_null(finding.fix)}});
    const nlohmann::json out{{"findings", std::move(all)},
                             {"errors", count(findings, Severity::error)},
                             {"warnings", count(findings, Severity::warning)}};
    std::cout << out.dump(2) << '\n';
}

}  // namespace

int doctor(const Arguments& arguments) {
    Options options{"doctor", "wgbfd doctor: checks this host and says how to mend it; changes nothing."};
    options.add()("json", "as JSON");
    if (!options.parse(arguments)) return ok;
    const auto findings = check_all(gather(options));
    if (options.has("json"))
        print_json(findings);
    else
        print(findings);
    return count(findings, Severity::error) == 0 ? ok : failed;
}

}  // namespace cli
