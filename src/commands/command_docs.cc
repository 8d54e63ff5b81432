#include "commands/command_docs.h"

#include <fmt/format.h>

#include <cctype>
#include <unordered_map>

#include "base/check.h"

namespace torc {
namespace {

struct Group {
    std::string_view name;
    std::span<const CommandDoc> (*docs)();
};

constexpr Group kGroups[] = {
    {"string", string_docs},
    {"bitmap", bitmap_docs},
    {"generic", generic_docs},
    {"connection", connection_docs},
    {"transactions", transaction_docs},
    {"server", server_docs},
    {"server", acl_docs},
    {"scripting", scripting_docs},
    {"pubsub", pubsub_docs},
    {"cluster", cluster_docs},
    {"torc", torc_docs},
};

struct GroupedDoc {
    const CommandDoc* doc;
    std::string_view group;
};

const std::unordered_map<std::string_view, GroupedDoc>& docs_by_name() {
    static const auto docs = [] {
        std::unordered_map<std::string_view, GroupedDoc> by_name;
        for (const Group& group : kGroups)
            for (const CommandDoc& doc : group.docs())
                by_name.emplace(doc.name, GroupedDoc{&doc, group.name});
        return by_name;
    }();
    return docs;
}

/// Reads the notation from left to right.
class ArgumentReader {
  public:
    explicit ArgumentReader(std::string_view notation) : rest_(notation) {}

    std::vector<ArgumentDoc> items() {
        std::vector<ArgumentDoc> read;
        while (!rest_.empty() && rest_.front() != ')') {
            read.push_back(item());
            if (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
        }
        return read;
    }
    bool at_end() const { return rest_.empty(); }

  private:
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string word() {
        size_t end = 0;
        const auto is_part = [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '/' ||
                   c == '.';
        };
        while (end < rest_.size() && is_part(rest_[end])) ++end;
        const std::string taken(rest_.substr(0, end));
        rest_.remove_prefix(end);
        return taken;
    }
    std::string name() {
        if (!take('\'')) return word();
        const size_t end = rest_.find('\'');
        TORC_CHECK(end != std::string_view::npos);
        std::string taken(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return taken;
    }
    ArgumentDoc item() {
        ArgumentDoc argument;
        argument.name = name();
        TORC_CHECK(!argument.name.empty());
        if (take('!')) {
            argument.type = "pure-token";
            argument.has_token = true;
            argument.token = word();
            if (argument.token.empty())
                for (const char c : argument.name)
                    argument.token += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
        if (take(':')) argument.type = word();
        if (take('=')) {
            argument.has_token = true;
            argument.token = name();
        }
        if (take('@')) argument.key_spec = std::stoi(word());
        argument.optional = take('?');
        argument.multiple = take('*');
        argument.multiple_token = argument.multiple && take('*');
        if (take('+')) argument.since = word();
        if (take('~')) argument.deprecated_since = word();
        if (take('(')) {
            argument.arguments = items();
            TORC_CHECK(take(')'));
        }
        return argument;
    }

    std::string_view rest_;
};

/// Writes a map whose number of fields shows only at the end.
class MapWriter {
  public:
    explicit MapWriter(ReplyWriter& reply) : reply_(reply), mark_(reply.begin_deferred()) {}
    ReplyWriter& field(std::string_view name) {
        reply_.bulk(name);
        ++fields_;
        return reply_;
    }
    void text(std::string_view name, std::string_view value) {
        if (!value.empty()) field(name).bulk(value);
    }
    void end() { reply_.end_deferred_map(mark_, fields_); }

  private:
    ReplyWriter& reply_;
    size_t mark_;
    size_t fields_ = 0;
};

void reply_arguments(ReplyWriter& reply, const std::vector<ArgumentDoc>& arguments) {
    reply.array(arguments.size());
    for (const ArgumentDoc& argument : arguments) {
        MapWriter out(reply);
        out.text("name", argument.name);
        out.text("type", argument.type);
        if (argument.type != "oneof" && argument.type != "block") out.text("display_text", argument.name);
        if (argument.key_spec >= 0) out.field("key_spec_index").integer(argument.key_spec);
        if (argument.has_token) out.field("token").bulk(argument.token);
        out.text("since", argument.since);
        out.text("deprecated_since", argument.deprecated_since);
        const size_t flags = size_t{argument.optional} + argument.multiple + argument.multiple_token;
        if (flags > 0) {
            out.field("flags").set(flags);
            if (argument.optional) reply.simple("optional");
            if (argument.multiple) reply.simple("multiple");
            if (argument.multiple_token) reply.simple("multiple_token");
        }
        if (!argument.arguments.empty()) {
            out.field("arguments");
            reply_arguments(reply, argument.arguments);
        }
        out.end();
    }
}

void reply_history(ReplyWriter& reply, std::string_view history) {
    const size_t mark = reply.begin_deferred();
    size_t lines = 0;
    for (std::string_view rest = history; !rest.empty(); ++lines) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const size_t blank = line.find(' ');
        TORC_CHECK(blank != std::string_view::npos);
        reply.array(2);
        reply.bulk(line.substr(0, blank));
        reply.bulk(line.substr(blank + 1));
    }
    reply.end_deferred_set(mark, lines);
}

}  // namespace

const CommandDoc* find_command_doc(std::string_view full_name) {
    const auto found = docs_by_name().find(full_name);
    return found == docs_by_name().end() ? nullptr : found->second.doc;
}

std::vector<const CommandDoc*> all_command_docs() {
    std::vector<const CommandDoc*> all;
    for (const Group& group : kGroups)
        for (const CommandDoc& doc : group.docs()) all.push_back(&doc);
    return all;
}

std::vector<ArgumentDoc> parse_arguments(std::string_view notation) {
    ArgumentReader reader(notation);
    auto arguments = reader.items();
    TORC_CHECK(reader.at_end());
    return arguments;
}

void reply_command_docs(ReplyWriter& reply, const CommandSpec& spec, std::string_view full_name) {
    MapWriter out(reply);
    if (const auto found = docs_by_name().find(full_name); found != docs_by_name().end()) {
        const CommandDoc& doc = *found->second.doc;
        out.text("summary", doc.summary);
        out.text("since", doc.since);
        out.text("group", found->second.group);
        out.text("complexity", doc.complexity);
        const bool is_deprecated = !doc.deprecated_since.empty();
        if (is_deprecated || doc.is_internal) {
            out.field("doc_flags").set(size_t{is_deprecated} + doc.is_internal);
            if (is_deprecated) reply.simple("deprecated");
            if (doc.is_internal) reply.simple("syscmd");
        }
        out.text("deprecated_since", doc.deprecated_since);
        out.text("replaced_by", doc.replaced_by);
        if (!doc.history.empty()) {
            out.field("history");
            reply_history(reply, doc.history);
        }
        if (!doc.arguments.empty()) {
            out.field("arguments");
            reply_arguments(reply, parse_arguments(doc.arguments));
        }
    }
    if (!spec.subcommands.empty()) {
        out.field("subcommands").map(spec.subcommands.size());
        for (const CommandSpec& sub : spec.subcommands) {
            const std::string name = fmt::format("{}|{}", full_name, sub.name);
            reply.bulk(name);
            reply_command_docs(reply, sub, name);
        }
    }
    out.end();
}

}  // namespace torc
