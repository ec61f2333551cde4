package kcl;

import java.util.HashMap;
import java.util.Map;

/** Command line options of the form {@code --name value}; every one has a default or must be given. */
final class Options {
    private final Map<String, String> values = new HashMap<>();

    Options(String[] arguments) {
        if (arguments.length % 2 != 0) {
            throw new IllegalArgumentException("options come as --name value");
        }
        for (int place = 0; place < arguments.length; place += 2) {
            if (!arguments[place].startsWith("--")) {
                throw new IllegalArgumentException("not an option: " + arguments[place]);
            }
            values.put(arguments[place].substring(2), arguments[place + 1]);
        }
    }

    String required(String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("--" + name + " is required");
        }
        return value;
    }

    String text(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    long number(String name, long otherwise) {
        return values.containsKey(name) ? Long.parseLong(values.get(name)) : otherwise;
    }
}
