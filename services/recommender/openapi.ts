/** The description of the API that is served at `/openapi.json`. */
import { DEVICES, LIMITS } from "./request.ts";

const SIMILAR_TO_HISTORY =
  "What is similar to the history comes first; trending, popular and the latest items fill the list up, so that it is " +
  "full whenever the shop has items enough.";

const limit = {
  name: "limit",
  in: "query",
  description: "How many items.",
  schema: { type: "integer", minimum: 1, maximum: LIMITS.limit, default: LIMITS.defaultLimit },
};

const exclude = {
  name: "exclude",
  in: "query",
  description: `Items that may not be in the list: comma-separated, or the parameter repeated; at most ${LIMITS.excluded}.`,
  style: "form",
  explode: true,
  schema: { type: "array", maxItems: LIMITS.excluded, items: { type: "string" } },
};

const category = {
  name: "category",
  in: "query",
  description: "Only items of this category.",
  schema: { type: "string", minLength: 1 },
};

const device = {
  name: "device",
  in: "query",
  description: "What the list is shown on. A model may have learned what is wanted there.",
  schema: { type: "string", enum: DEVICES },
};

const country = {
  name: "country",
  in: "query",
  description: "Where the list is shown, as the activity names it (property or user attribute country).",
  schema: { type: "string", minLength: 1, maxLength: LIMITS.countryLength },
};

const PARAMETERS = [limit, exclude, category, device, country].map(({ name }) => ({
  $ref: `#/components/parameters/${name}`,
}));

function id(description: string) {
  return {
    name: "id",
    in: "path",
    required: true,
    description,
    schema: { type: "string", minLength: 1, maxLength: LIMITS.idLength },
  };
}

const RESPONSES = {
  "200": {
    description: "The recommendations, the best first.",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Recommendations" } } },
  },
  default: {
    description: "A problem (RFC 9457).",
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  },
};

function get(operationId: string, summary: string, description: string, parameters: readonly object[] = []) {
  return {
    get: { operationId, summary, description, parameters: [...parameters, ...PARAMETERS], responses: RESPONSES },
  };
}

export const OPEN_API = {
  openapi: "3.1.0",
  info: {
    title: "ProductMatcher recommendations",
    version: "1.0.0",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  servers: [{ url: "/" }],
  paths: {
    "/v1/recommendations/users/{id}": get(
      "recommendForUser",
      "For a user, by everything the user did lately",
      `${SIMILAR_TO_HISTORY} A user nobody knows gets what is popular.`,
      [id("A user id; an anonymous visitor is `anonymous:` and the anonymous id.")],
    ),
    "/v1/recommendations/users/{id}/neighbours": {
      get: {
        operationId: "findSimilarUsers",
        summary: "Users who touched what a user touched, the most alike first",
        description: "As the last training run with userNeighbours saw them: nobody for a user that it did not know.",
        parameters: [id("A user id."), { $ref: "#/components/parameters/limit" }],
        responses: {
          "200": {
            description: "Similar users.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Neighbours" } } },
          },
          default: RESPONSES.default,
        },
      },
    },
    "/v1/recommendations/items/{id}/similar": get(
      "recommendSimilar",
      "Items that go with an item",
      "An item that no model knows is answered with what is trending and popular; `fallback` says so.",
      [id("An item id.")],
    ),
    "/v1/recommendations/session": {
      post: {
        operationId: "recommendForSession",
        summary: "For the items of the current visit, whoever the visitor is",
        description: SIMILAR_TO_HISTORY,
        parameters: PARAMETERS,
        requestBody: {
          required: true,
          content: { "application/json": { schema: { $ref: "#/components/schemas/Visit" } } },
        },
        responses: RESPONSES,
      },
    },
    "/v1/recommendations/popular": get("recommendPopular", "What most actors wanted", "The same for everyone."),
    "/v1/recommendations/trending": get("recommendTrending", "What is wanted more and more", "The same for everyone."),
  },
  components: {
    parameters: { limit, exclude, category, device, country },
    schemas: {
      Visit: {
        type: "object",
        additionalProperties: false,
        required: ["items"],
        properties: {
          items: {
            type: "array",
            description: "Item ids in the order of the visit, the newest last.",
            maxItems: LIMITS.sessionItems,
            items: { type: "string", minLength: 1, maxLength: LIMITS.idLength },
          },
        },
      },
      Recommendations: {
        type: "object",
        additionalProperties: false,
        required: ["model", "items"],
        properties: {
          user: { type: "string", description: "The user that was asked for." },
          item: { type: "string", description: "The item that was asked for." },
          model: {
            type: "object",
            description: "The version of each algorithm that the list holds items of.",
            additionalProperties: { type: "string" },
          },
          fallback: {
            type: "string",
            enum: ["personal", "session", "similar", "trending", "popular", "latest"],
            description: "Present when nothing came from where it should: what the list begins with instead.",
          },
          items: { type: "array", items: { $ref: "#/components/schemas/Recommendation" } },
        },
      },
      Neighbours: {
        type: "object",
        additionalProperties: false,
        required: ["user", "model", "neighbours"],
        properties: {
          user: { type: "string", description: "The user that was asked for." },
          model: { type: "string", description: "The version that says so." },
          neighbours: {
            type: "array",
            items: {
              type: "object",
              additionalProperties: false,
              required: ["user", "similarity"],
              properties: {
                user: { type: "string" },
                similarity: { type: "number", description: "Cosine of what the two touched, 0 to 1." },
              },
            },
          },
        },
      },
      Recommendation: {
        type: "object",
        additionalProperties: false,
        required: ["item", "score", "reason"],
        properties: {
          item: { type: "string" },
          name: { type: "string", description: "As the catalogue has it." },
          price: { type: "number", description: "As the catalogue has it." },
          score: { type: "number", description: "Compares within one type of reason; 0 for the latest items." },
          reason: {
            type: "object",
            additionalProperties: false,
            required: ["type"],
            properties: {
              type: { type: "string", enum: ["personal", "session", "similar", "trending", "popular", "latest"] },
              because: { type: "string", description: "The item of the history that counted most." },
            },
          },
          model: { type: "string", description: "The version that ranked the item; absent for the latest items." },
        },
      },
      Problem: {
        type: "object",
        required: ["type", "title", "status", "detail"],
        properties: {
          type: { type: "string", format: "uri" },
          title: { type: "string" },
          status: { type: "integer" },
          detail: { type: "string", description: "What was found, what was expected, what to do." },
          errors: {
            type: "array",
            items: {
              type: "object",
              required: ["detail"],
              properties: {
                detail: { type: "string" },
                parameter: { type: "string", description: "The parameter at fault." },
                pointer: { type: "string", description: "JSON Pointer to the fault in the body." },
              },
            },
          },
        },
      },
    },
  },
} as const;
