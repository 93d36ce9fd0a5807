// One adjacency in `status --json`.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "adjacency/adjacency.hpp"
#include "control/controller.hpp"
#include "policy/feed.hpp"

namespace view {

// Who was told what by which feed.
struct Told {
    std::string feed, told, at;
};
using ToldByAdjacency = std::unordered_map<adjacency::AdjacencyId, std::vector<Told>>;
ToldByAdjacency told_by(const std::vector<policy::FeedStatus>& feeds);

nlohmann::json adjacency_of(const control::Row& row, const ToldByAdjacency& told);

}  // namespace view
