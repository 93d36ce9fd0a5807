#include "daemon/status_server.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using nlohmann::json;

namespace {

struct Served {
    boost::asio::io_context context;
    int begun = 0, slices = 0;
    std::size_t total = 100;
    wgbfd::StatusServer server{context,
                               {[this] {
                                    view::Process out;
                                    out.version = std::to_string(++begun);
                                    return out;
                                },
                                [this](control::RowsAt& at) -> std::optional<std::vector<control::Row>> {
                                    ++slices;
                                    if (at.waiting == total) return std::nullopt;
                                    std::vector<control::Row> rows;
                                    for (; at.waiting < total && rows.size() < wgbfd::StatusServer::rows_in_a_slice;
                                         ++at.waiting)
                                        rows.emplace_back().name = std::to_string(at.waiting);
                                    return rows;
                                }}};
    std::vector<json> answers;
    void ask() {
        server.ask([this](const std::string& text) { answers.push_back(json::parse(text)); });
    }
};

}  // namespace

TEST_CASE("status is made in slices, and all of it is told") {
    Served served;
    served.ask();
    served.context.run();
    REQUIRE(served.answers.size() == 1);
    CHECK(served.slices == 8);  // 7 with rows
    const auto& rows = served.answers[0].at("adjacencies");
    REQUIRE(rows.size() == 100);
    CHECK(rows.front().at("name") == "0");
    CHECK(rows.back().at("name") == "99");
    CHECK(served.answers[0].at("version") == "1");
}

TEST_CASE("who asks in the middle is told what holds from then on, together with others who do") {
    Served served;
    served.ask();
    for (int i = 0; i < 3; ++i) served.context.run_one();
    REQUIRE(served.begun == 1);
    served.ask();
    served.ask();
    served.context.run();
    REQUIRE(served.answers.size() == 3);
    CHECK(served.answers[0].at("version") == "1");
    CHECK(served.answers[1].at("version") == "2");
    CHECK(served.answers[2] == served.answers[1]);
    CHECK(served.begun == 2);
    served.context.restart();
    served.total = 0;
    served.ask();
    served.context.run();
    CHECK(served.answers.back().at("adjacencies") == json::array());
}
