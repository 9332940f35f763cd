import { alertingRules } from "./alerts.ts";
import { type Duration, durations, type RuleGroup } from "./group.ts";
import { objectiveRules } from "./objectives.ts";
import { errorRules, pipelineRules } from "./recording.ts";

export { ALERT_NAMES, RUNBOOKS } from "./alerts.ts";
export { type Duration, durations, type RuleGroup } from "./group.ts";

/** All rules; they serve every pipeline. */
export function ruleGroups(duration: Duration = durations()): readonly RuleGroup[] {
  return [
    { name: "productmatcher-objectives", rules: [...objectiveRules(), ...errorRules(duration)] },
    { name: "productmatcher-pipelines", rules: pipelineRules() },
    { name: "productmatcher-alerts", rules: alertingRules(duration) },
  ];
}
